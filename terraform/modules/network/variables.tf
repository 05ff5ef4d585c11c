variable "name" {
  description = "What names here begin with."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, a /16 to /20. Each subnet gets a sixteenth of it."
  type        = string
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr: an IPv4 network of /16 to /20, as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones to use, 1 to 3."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 1 && length(var.zones) <= 3 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones: 1 to 3, each once."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has a NAT gateway of its own, so that none needs another; otherwise one serves all."
  type        = bool
  default     = false
}

variable "key_arn" {
  description = "The key that the flow log is encrypted with."
  type        = string
}

variable "log_days" {
  description = "How long the flow log of refused packets is kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "log_days: a term that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
