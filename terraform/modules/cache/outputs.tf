output "host" {
  description = "The primary's name in DNS. It stays the same when a replica takes over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "group_id" {
  description = "The replication group, for failover."
  value       = aws_elasticache_replication_group.this.id
}

output "member_ids" {
  description = "The machines of the group, for alarms."
  value       = aws_elasticache_replication_group.this.member_clusters
}

output "user_id" {
  description = "The nodes' user, for terraform/cache-password."
  value       = aws_elasticache_user.node.user_id
}
