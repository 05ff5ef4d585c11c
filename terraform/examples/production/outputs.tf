output "address" {
  description = "What a CNAME or alias record for server_name points to."
  value       = module.edge.address
}

output "database_host" {
  description = "The database's name, reachable from nodes."
  value       = module.database.host
}

output "database_id" {
  description = "The database instance, for a failover."
  value       = module.database.instance_id
}

output "database_owner_secret" {
  description = "The secret with the password of the tables' owner."
  value       = module.database.owner_secret_arn
}

output "database_password_parameter" {
  description = "The parameter with the password of the nodes' user in PostgreSQL."
  value       = module.secrets.parameters["database-password"].name
}

output "cache_user" {
  description = "The nodes' user in Redis, for terraform/cache-password."
  value       = module.cache.user_id
}

output "cache_password_parameter" {
  description = "The parameter with its password, for terraform/cache-password."
  value       = module.secrets.parameters["redis-password"].name
}

output "cache_group" {
  description = "The replication group, for a failover."
  value       = module.cache.group_id
}

output "node_group" {
  description = "The group of nodes."
  value       = module.node.group_name
}

output "monitoring_machine" {
  description = "The machine with Prometheus, for sessions."
  value       = module.monitoring.instance_id
}

output "alerts" {
  description = "The topic of the alerts."
  value       = module.monitoring.topic_arn
}

output "key_arn" {
  description = "The key to put the certificate's parameters under."
  value       = module.secrets.key_arn
}
