variable "region" {
  description = "The region."
  type        = string
}

variable "zones" {
  description = "Availability zones: two or three."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 3
    error_message = "zones: two or three."
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

variable "edges" {
  description = "How many machines with nginx there are, behind the load balancer."
  type        = number
  default     = 2
  validation {
    condition     = var.edges >= 2
    error_message = "edges: at least 2."
  }
}

variable "machines" {
  description = "Types of the machines. Those of EC2 are of one architecture, which ami_id and package have to be for."
  type = object({
    edge       = optional(string, "c7g.medium")
    node       = optional(string, "c7g.large")
    database   = optional(string, "db.m7g.large")
    cache      = optional(string, "cache.t4g.small")
    monitoring = optional(string, "t4g.small")
  })
  default = {}
}

variable "database_ca_url" {
  description = "Where the certificates of RDS's authorities for the region are."
  type        = string
  default     = null
}

variable "protected" {
  description = "Whether database and load balancer refuse to be deleted. Set to false, and apply, before a destroy."
  type        = bool
  default     = true
}
