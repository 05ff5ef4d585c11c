variable "name" {
  description = "Name of the group, its machines and their role."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name: 2 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network of the nodes."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets; the nodes are spread over them."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "subnet_ids: at least one."
  }
}

variable "size" {
  description = "How many nodes there are. During a roll there is a third more, at least one."
  type        = number
  default     = 3
  validation {
    condition     = var.size >= 2 && var.size <= 64 && floor(var.size) == var.size
    error_message = "size: 2 to 64; with one node every restart is an outage."
  }
}

variable "ami_id" {
  description = "Debian 12 for the architecture of instance_type and package. Pinned: a newer one is a change that rolls."
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
  description = "Machine of a node. Its memory holds L1 (ATELIER_L1_BYTES, at most 60 % of it)."
  type        = string
  default     = "t4g.medium"
}

variable "package" {
  description = "The .deb of atelier-edge: an https:// URL or s3://BUCKET/KEY, and its SHA-256. Another one rolls."
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

variable "database" {
  description = "Where PostgreSQL is. 'ca_url' is where its authorities' certificates are fetched from, 'ca_parameter' the parameter that holds them: one of the two."
  type = object({
    host         = string
    port         = optional(number, 5432)
    name         = optional(string, "atelier")
    user         = optional(string, "atelier_edge")
    password     = object({ name = string, arn = string })
    ca_url       = optional(string)
    ca_parameter = optional(object({ name = string, arn = string }))
  })
  validation {
    condition     = (var.database.ca_url == null) != (var.database.ca_parameter == null)
    error_message = "database: either ca_url or ca_parameter; the server is always verified."
  }
  validation {
    condition     = var.database.ca_url == null || startswith(coalesce(var.database.ca_url, "https://"), "https://")
    error_message = "database: ca_url begins with https://."
  }
}

variable "redis" {
  description = "Where Redis is, with TLS; null for nodes without L2. 'own_ca': its certificate is of the same authority as the database's."
  type = object({
    host     = string
    port     = optional(number, 6379)
    user     = optional(string, "atelier_edge")
    password = object({ name = string, arn = string })
    own_ca   = optional(bool, false)
  })
  default = null
}

variable "admin_token" {
  description = "The parameter with the token for /purge and other orders of the admin listener."
  type        = object({ name = string, arn = string })
}

variable "settings" {
  description = "Settings of the server, as in the table of README.md. Addresses, credentials and listeners are not among them."
  type        = map(string)
  default     = {}
  validation {
    condition = alltrue([for name in keys(var.settings) : can(regex("^ATELIER_[A-Z0-9_]+$", name)) && !contains(
    ["ATELIER_LISTEN", "ATELIER_ADMIN_LISTEN", "ATELIER_ENV_FILE", "ATELIER_DB_CA_FILE", "ATELIER_REDIS_CA_FILE"], name) && !endswith(name, "_PASSWORD_FILE") && !endswith(name, "_TOKEN_FILE")])
    error_message = "settings: names begin with ATELIER_; listeners, files of certificates and of secrets are set here already."
  }
  validation {
    condition     = alltrue([for value in values(var.settings) : can(regex("^[^\\s\"'\\\\$]*$", value))])
    error_message = "settings: values without spaces, quotes, backslashes and dollar signs."
  }
}

variable "clients" {
  description = "Security groups that may talk to the API, by a name of your choice."
  type        = map(string)
}

variable "scrapers" {
  description = "Security groups that may ask for /metrics and /readyz, by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "rollback_alarms" {
  description = "CloudWatch alarms that, when they go off during a roll, bring the former version back."
  type        = list(string)
  default     = []
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
