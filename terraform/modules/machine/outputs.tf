output "address" {
  description = "The machine's private address."
  value       = var.address
}

output "instance_id" {
  description = "The machine, for sessions and alarms."
  value       = aws_instance.this.id
}

output "volume_id" {
  description = "The disk with the data."
  value       = aws_ebs_volume.data.id
}

output "ca_parameter" {
  description = "The parameter with the certificate to verify the machine by."
  value       = { name = aws_ssm_parameter.ca.name, arn = aws_ssm_parameter.ca.arn }
}

output "policy" {
  description = "What the machine may do in AWS, as JSON."
  value       = module.role.policy
}

output "files" {
  description = "Every file that the machine starts with, by path, for checks."
  value       = module.boot.files
}

output "document" {
  description = "The cloud-init document, for checks."
  value       = module.boot.document
}
