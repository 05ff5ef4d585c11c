variable "name" {
  description = "Name of the machine, its disk and its role."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.name))
    error_message = "name: 2 to 63 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_id" {
  description = "A private subnet. Machine and disk stay in its zone."
  type        = string
}

variable "zone" {
  description = "The availability zone of the subnet."
  type        = string
}

variable "address" {
  description = "The machine's private address, which it keeps when it is replaced. It stands in its certificate."
  type        = string
  validation {
    condition     = can(cidrhost("${var.address}/32", 0))
    error_message = "address: an IPv4 address of the subnet."
  }
}

variable "ami_id" {
  description = "Debian 12 for the architecture of instance_type and package. Another one replaces the machine; the data stay."
  type        = string
  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id: such as ami-0123456789abcdef0."
  }
}

variable "instance_type" {
  description = "The machine. A quarter of its memory is PostgreSQL's cache, an eighth is Redis's."
  type        = string
  default     = "t4g.large"
}

variable "disk_gib" {
  description = "Size of the disk for the data, in GiB."
  type        = number
  default     = 50
  validation {
    condition     = var.disk_gib >= 10 && var.disk_gib <= 16384
    error_message = "disk_gib: 10 to 16384."
  }
}

variable "snapshots" {
  description = "How many daily snapshots of the disk are kept; 0 if backups are made otherwise."
  type        = number
  default     = 14
  validation {
    condition     = var.snapshots >= 0 && var.snapshots <= 1000
    error_message = "snapshots: 0 to 1000."
  }
}

variable "package" {
  description = "The .deb of atelier-edge, for its import and its schema: an https:// URL or s3://BUCKET/KEY, and its SHA-256."
  type        = object({ url = string, sha256 = string })
}

variable "session_agent" {
  description = "The .deb of the SSM agent, for images without it (Debian's). Null if the image has it."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "region" {
  description = "The region."
  type        = string
}

variable "database_password" {
  description = "The parameter with the password of the nodes' user in PostgreSQL."
  type        = object({ name = string, arn = string })
}

variable "redis_password" {
  description = "The parameter with the password of the nodes' user in Redis."
  type        = object({ name = string, arn = string })
}

variable "clients" {
  description = "Security groups of nodes, by a name of your choice."
  type        = map(string)
}

variable "network" {
  description = "The addresses that nodes come from."
  type        = string
  validation {
    condition     = can(cidrhost(var.network, 0)) && !endswith(var.network, "/0")
    error_message = "network: an IPv4 network, and not all of them."
  }
}

variable "key_arn" {
  description = "The key that the parameters are encrypted with."
  type        = string
}

variable "termination_protection" {
  description = "Whether the machine refuses to be deleted."
  type        = bool
  default     = false
}

variable "detailed_monitoring" {
  description = "Whether CloudWatch looks at the machine every minute instead of every five."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
