output "host" {
  description = "The database's name in DNS. It stays the same when the standby takes over."
  value       = aws_db_instance.this.address
}

output "instance_id" {
  description = "The database instance, for alarms and failover."
  value       = aws_db_instance.this.identifier
}

output "owner_secret_arn" {
  description = "The secret with the password of the owner of the tables, for imports and schema changes."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, null)
}
