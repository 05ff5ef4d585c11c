variable "region" {
  description = "The region."
  type        = string
}

variable "zones" {
  description = "Availability zones: one, or more for nodes in several; the first has the database."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 1
    error_message = "zones: one, or more for nodes in several; the first has the database."
  }
}

variable "name" {
  description = "What names begin with."
  type        = string
  default     = "atelier"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name)) && !strcontains(var.name, "--")
    error_message = "name: 2 to 16 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}

variable "ami_id" {
  description = "Debian 12 for the architecture of the machines and the package."
  type        = string
}

variable "package" {
  description = "The .deb of atelier-edge: an https:// URL or s3://BUCKET/KEY, and its SHA-256."
  type        = object({ url = string, sha256 = string })
}

variable "session_agent" {
  description = "The .deb of the SSM agent, as Debian's images have none; null for images with it."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "server_name" {
  description = "The host that clients ask for."
  type        = string
}

variable "tls" {
  description = "Names of the parameters (SecureString, under /NAME/) with the certificate, followed by its chain, and its key, in PEM. They are put there before."
  type        = object({ certificate = string, key = string })
  default     = { certificate = "tls-certificate", key = "tls-key" }
}

variable "nodes" {
  description = "How many nodes there are."
  type        = number
  default     = 3
}

variable "settings" {
  description = "Settings of the server, as in the table of README.md."
  type        = map(string)
  default     = {}
}

variable "emails" {
  description = "Who gets alerts."
  type        = set(string)
  default     = []
}

variable "password_versions" {
  description = "A higher version of a password makes a new one. README.md says what has to follow."
  type        = object({ database = optional(number, 1), redis = optional(number, 1), admin = optional(number, 1) })
  default     = {}
}

variable "generate_passwords" {
  description = "Whether AWS makes the passwords; otherwise they are those in passwords."
  type        = bool
  default     = true
}

variable "passwords" {
  description = "The passwords database-password, redis-password and admin-token, when they are not to be generated. They end in no state and no plan."
  type        = map(string)
  default     = {}
  ephemeral   = true
}

variable "machines" {
  description = "Types of the machines. All of one architecture, which ami_id and package have to be for."
  type = object({
    edge       = optional(string, "t4g.small")
    node       = optional(string, "t4g.medium")
    database   = optional(string, "t4g.large")
    monitoring = optional(string, "t4g.small")
  })
  default = {}
}

variable "detailed_monitoring" {
  description = "Whether CloudWatch looks at single machines every minute instead of every five."
  type        = bool
  default     = true
}

variable "snapshots" {
  description = "How many daily snapshots of the database's disk are kept; 0 if backups are made otherwise."
  type        = number
  default     = 14
}
