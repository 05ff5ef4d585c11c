variable "region" {
  description = "The region whose parameter store and buckets are asked."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: such as eu-central-1."
  }
}

variable "packages" {
  description = "Debian packages to install, besides those that this needs itself."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for package in var.packages : can(regex("^[a-z0-9][a-z0-9+.-]+$", package))])
    error_message = "packages: names of Debian packages."
  }
}

variable "debs" {
  description = "Packages to fetch and install: an https:// URL or s3://BUCKET/KEY, and the SHA-256 of the file. Another file is refused."
  type        = list(object({ url = string, sha256 = string }))
  default     = []
  validation {
    condition     = alltrue([for deb in var.debs : can(regex("^(https://|s3://[a-z0-9.-]+/)[A-Za-z0-9._~%/+-]+\\.deb$", deb.url))])
    error_message = "debs: url is https://….deb or s3://BUCKET/….deb."
  }
  validation {
    condition     = alltrue([for deb in var.debs : can(regex("^[0-9a-f]{64}$", deb.sha256))])
    error_message = "debs: sha256 is 64 lower-case hexadecimal digits."
  }
}

variable "session_agent" {
  description = "The SSM agent's package, in the same form; installed first. Null if the image has it."
  type        = object({ url = string, sha256 = string })
  default     = null
  validation {
    condition     = var.session_agent == null ? true : can(regex("^https://[A-Za-z0-9._~%/+-]+\\.deb$", var.session_agent.url)) && can(regex("^[0-9a-f]{64}$", var.session_agent.sha256))
    error_message = "session_agent: url is https://….deb, sha256 is 64 lower-case hexadecimal digits."
  }
}

variable "files" {
  description = "Files to write before anything is installed, by path."
  type        = map(object({ content = string, mode = optional(string, "0644") }))
  default     = {}
  validation {
    condition     = alltrue([for path, file in var.files : startswith(path, "/") && can(regex("^0[0-7]{3}$", file.mode))])
    error_message = "files: paths are absolute, modes are four octal digits."
  }
}

variable "secrets" {
  description = "Files to fill from the parameter store in /run/atelier-secrets, which is memory: parameter by file name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for file, name in var.secrets : can(regex("^[a-z0-9.-]+$", file)) && can(regex("^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", name))])
    error_message = "secrets: file names of lower-case letters, digits, dots and hyphens; parameters by full name, as /atelier/db-password."
  }
}

variable "secrets_before" {
  description = "Units that start only when the secrets are there."
  type        = list(string)
  default     = []
}

variable "secrets_writes" {
  description = "Folders that 'secrets_then' may write to, besides that of the secrets."
  type        = list(string)
  default     = []
}

variable "secrets_then" {
  description = "Shell lines that run when the secrets are there, in their folder."
  type        = string
  default     = ""
}

variable "prepare" {
  description = "Shell lines that run after the Debian packages are there and before secrets are fetched and 'debs' installed."
  type        = string
  default     = ""
}

variable "group" {
  description = "The auto-scaling group whose hook 'ready' is told when everything is done; null for a machine without one."
  type        = string
  default     = null
}

variable "setup" {
  description = "Shell lines that run last, when everything is installed."
  type        = string
  default     = ""
}
