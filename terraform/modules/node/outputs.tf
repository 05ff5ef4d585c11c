output "group_name" {
  description = "Name of the group of nodes."
  value       = aws_autoscaling_group.this.name
}

output "group_arn" {
  description = "ARN of the group of nodes."
  value       = aws_autoscaling_group.this.arn
}

output "security_group_id" {
  description = "The nodes' security group, for databases to let in."
  value       = aws_security_group.this.id
}

output "policy" {
  description = "What a node may do in AWS, as JSON."
  value       = module.role.policy
}

output "files" {
  description = "Every file that a node starts with, by path, for checks."
  value       = module.boot.files
}

output "document" {
  description = "The cloud-init document, for checks."
  value       = module.boot.document
}
