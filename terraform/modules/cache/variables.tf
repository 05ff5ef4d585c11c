variable "name" {
  description = "Name of the replication group, its users and its parameters."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}$", var.name)) && !strcontains(var.name, "--")
    error_message = "name: 2 to 39 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids: at least one."
  }
}

variable "node_type" {
  description = "Machine of the cache."
  type        = string
  default     = "cache.t4g.small"
  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "node_type: begins with 'cache.'."
  }
}

variable "replicas" {
  description = "How many replicas stand by, in other zones. With none, a failure is a while without L2: slower, never wrong."
  type        = number
  default     = 1
  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5
    error_message = "replicas: 0 to 5."
  }
}

variable "engine_version" {
  description = "Version of Redis."
  type        = string
  default     = "7.1"
  validation {
    condition     = can(regex("^7\\.[01]$", var.engine_version))
    error_message = "engine_version: 7.0 or 7.1; the project is tested with Redis 7."
  }
}

variable "user" {
  description = "Name of the nodes' user."
  type        = string
  default     = "atelier_edge"
}

variable "clients" {
  description = "Security groups of nodes, by a name of your choice."
  type        = map(string)
}

variable "key_arn" {
  description = "The key that what lies on disk is encrypted with."
  type        = string
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
