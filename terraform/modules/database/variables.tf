variable "name" {
  description = "Name of the database instance."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,50}$", var.name)) && !strcontains(var.name, "--")
    error_message = "name: 2 to 51 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of at least two zones: one for the primary, one for the standby."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: at least two, of different zones."
  }
}

variable "instance_class" {
  description = "Machine of the database."
  type        = string
  default     = "db.m7g.large"
  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class: begins with 'db.'."
  }
}

variable "engine_version" {
  description = "Version of PostgreSQL: 15, or 15 and a minor one."
  type        = string
  default     = "15"
  validation {
    condition     = can(regex("^15(\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version: 15 or 15.N: the project is tested with 15."
  }
}

variable "disk_gib" {
  description = "Size of the disk in GiB; it may grow to four times as much by itself."
  type        = number
  default     = 100
  validation {
    condition     = var.disk_gib >= 20 && var.disk_gib <= 16384
    error_message = "disk_gib: 20 to 16384."
  }
}

variable "backup_days" {
  description = "How many days back a restore can go."
  type        = number
  default     = 14
  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days: 1 to 35; 0 would mean no backups."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted."
  type        = bool
  default     = true
}

variable "clients" {
  description = "Security groups of nodes, by a name of your choice."
  type        = map(string)
}

variable "key_arn" {
  description = "The key that disk, backups, logs and the owner's password are encrypted with."
  type        = string
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
