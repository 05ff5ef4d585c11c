output "address" {
  description = "What the record of server_name points to: an IPv4 address (A), or the load balancer's name (CNAME or alias)."
  value       = local.balanced ? aws_lb.this[0].dns_name : aws_eip.this[0].public_ip
}

output "load_balancer_suffix" {
  description = "The load balancer as CloudWatch names it; null without one."
  value       = local.balanced ? aws_lb.this[0].arn_suffix : null
}

output "security_group_id" {
  description = "The machines' security group, for nodes to let in."
  value       = aws_security_group.this.id
}

output "group_name" {
  description = "Name of the group of machines."
  value       = aws_autoscaling_group.this.name
}

output "policy" {
  description = "What an edge may do in AWS, as JSON."
  value       = module.role.policy
}

output "files" {
  description = "Every file that an edge starts with, by path, for checks."
  value       = module.boot.files
}

output "document" {
  description = "The cloud-init document, for checks."
  value       = module.boot.document
}
