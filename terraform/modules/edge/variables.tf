variable "name" {
  description = "Name of the group, its machines and their role."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name: 2 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "public_subnet_ids" {
  description = "Where the Internet comes in: the machine itself, or the load balancer before the machines."
  type        = list(string)
  validation {
    condition     = length(var.public_subnet_ids) > 0
    error_message = "public_subnet_ids: at least one."
  }
}

variable "private_subnet_ids" {
  description = "Where the machines are when there is a load balancer before them."
  type        = list(string)
  default     = []
}

variable "size" {
  description = "How many machines there are: one with an address of its own, or two and more behind a network load balancer."
  type        = number
  default     = 1
  validation {
    condition     = var.size >= 1 && var.size <= 8 && floor(var.size) == var.size
    error_message = "size: 1 to 8."
  }
  validation {
    condition     = var.size == 1 || length(var.private_subnet_ids) > 0
    error_message = "size: two and more need private_subnet_ids."
  }
}

variable "ami_id" {
  description = "Debian 12 for the architecture of instance_type. Pinned: a newer one is a change that rolls."
  type        = string
  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id: such as ami-0123456789abcdef0."
  }
}

variable "root_device" {
  description = "Name of the root disk in the image."
  type        = string
  default     = "/dev/xvda"
}

variable "instance_type" {
  description = "Machine of an edge."
  type        = string
  default     = "t4g.small"
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

variable "server_name" {
  description = "The host that clients ask for."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.server_name))
    error_message = "server_name: a host name, as api.example.com."
  }
}

variable "tls" {
  description = "Parameters (SecureString) with the certificate, followed by its chain, and its key, both in PEM."
  type = object({
    certificate = object({ name = string, arn = string })
    key         = object({ name = string, arn = string })
  })
}

variable "node_group" {
  description = "Name of the group of nodes."
  type        = string
}

variable "limits" {
  description = "What one client address may take: requests per second, how many at once above that, and connections. More is answered 429."
  type        = object({ rate = optional(number, 200), burst = optional(number, 400), connections = optional(number, 50) })
  default     = {}
  validation {
    condition     = var.limits.rate >= 1 && var.limits.burst >= 1 && var.limits.connections >= 1
    error_message = "limits: each at least 1."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "key_arn" {
  description = "The key that the parameters are encrypted with."
  type        = string
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
