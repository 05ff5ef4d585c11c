output "key_arn" {
  description = "ARN of the key that everything is encrypted with."
  value       = aws_kms_key.this.arn
}

output "parameters" {
  description = "For each password its parameter: name and ARN."
  value       = { for name, parameter in aws_ssm_parameter.this : name => { name = parameter.name, arn = parameter.arn } }
}
