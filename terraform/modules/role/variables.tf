variable "name" {
  description = "Name of the role and its instance profile."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.name))
    error_message = "name: 2 to 63 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "parameter_arns" {
  description = "The parameters that the machine may read, each by its full ARN."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.parameter_arns : can(regex(":parameter/", arn)) && !strcontains(arn, "*")])
    error_message = "parameter_arns: ARNs of single parameters, without '*'."
  }
}

variable "key_arn" {
  description = "The key that the parameters are encrypted with."
  type        = string
}

variable "object_arns" {
  description = "The S3 objects that the machine may fetch, each by its full ARN."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.object_arns : can(regex(":s3:::[^/*]+/[^*]+$", arn))])
    error_message = "object_arns: ARNs of single objects, without '*'."
  }
}

variable "statements" {
  description = "What else the machine may do."
  type = list(object({
    sid        = string
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(string)), {})
  }))
  default = []
  validation {
    condition     = alltrue(flatten([for statement in var.statements : [for action in statement.actions : !strcontains(action, "*")]]))
    error_message = "statements: actions are named one by one, without '*'."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}
