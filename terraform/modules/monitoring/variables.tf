variable "name" {
  description = "Name of the machine, its role and the topic."
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
  description = "A private subnet."
  type        = string
}

variable "ami_id" {
  description = "Debian 12 for the architecture of instance_type. Another one replaces the machine, and its history begins anew."
  type        = string
  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id: such as ami-0123456789abcdef0."
  }
}

variable "instance_type" {
  description = "The machine of Prometheus."
  type        = string
  default     = "t4g.small"
}

variable "disk_gib" {
  description = "Its disk in GiB; two thirds of it are history."
  type        = number
  default     = 30
  validation {
    condition     = var.disk_gib >= 16 && var.disk_gib <= 1024
    error_message = "disk_gib: 16 to 1024."
  }
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

variable "node_group" {
  description = "Name of the group of nodes, which their tag 'Name' says too."
  type        = string
}

variable "nodes" {
  description = "How many nodes there should be."
  type        = number
}

variable "rules" {
  description = "Prometheus rules: file content by file name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name, content in var.rules : can(regex("^[a-z0-9_.-]+\\.ya?ml$", name)) && can(yamldecode(content).groups)])
    error_message = "rules: names end with .yml or .yaml, contents have 'groups'."
  }
}

variable "emails" {
  description = "Who gets alerts. Each has to confirm a mail from AWS once."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "emails: addresses of mail."
  }
}

variable "machines" {
  description = "Single machines to look after, by a name of your choice: instance ids."
  type        = map(string)
  default     = {}
}

variable "database_id" {
  description = "The RDS instance to look after; null if there is none."
  type        = string
  default     = null
}

variable "cache_members" {
  description = "The machines of the cache to look after: id by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "key_arn" {
  description = "The key that alerts are encrypted with."
  type        = string
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
