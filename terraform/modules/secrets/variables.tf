variable "name" {
  description = "What the names of the key and the parameters begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "name: 2 to 20 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "passwords" {
  description = "The passwords to keep, by the last part of their parameter's name. A higher version writes a new one; it is all that the state knows."
  type        = map(object({ description = string, version = optional(number, 1) }))
  validation {
    condition     = alltrue([for name in keys(var.passwords) : can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "passwords: names are lower-case letters, digits and hyphens."
  }
  validation {
    condition     = alltrue([for password in values(var.passwords) : password.version >= 1])
    error_message = "passwords: versions count from 1."
  }
}

variable "given" {
  description = "The passwords themselves, by the same names. Looked at only when a version is new."
  type        = map(string)
  ephemeral   = true
}

variable "deletion_days" {
  description = "How long the key can still be brought back after it was destroyed."
  type        = number
  default     = 30
  validation {
    condition     = var.deletion_days >= 7 && var.deletion_days <= 30
    error_message = "deletion_days: 7 to 30."
  }
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
