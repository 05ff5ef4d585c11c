output "topic_arn" {
  description = "Where alerts are published."
  value       = aws_sns_topic.this.arn
}

output "security_group_id" {
  description = "Prometheus's security group, for nodes to let in."
  value       = aws_security_group.this.id
}

output "instance_id" {
  description = "The machine of Prometheus, for sessions."
  value       = aws_instance.this.id
}

output "alarms" {
  description = "Names of the CloudWatch alarms."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
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
