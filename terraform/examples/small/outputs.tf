output "address" {
  description = "What an A record for server_name points to."
  value       = module.edge.address
}

output "database_machine" {
  description = "The machine with PostgreSQL and Redis, for sessions: imports, psql, passwords."
  value       = module.database.instance_id
}

output "monitoring_machine" {
  description = "The machine with Prometheus, for sessions."
  value       = module.monitoring.instance_id
}

output "node_group" {
  description = "The group of nodes."
  value       = module.node.group_name
}

output "alerts" {
  description = "The topic of the alerts."
  value       = module.monitoring.topic_arn
}

output "key_arn" {
  description = "The key to put the certificate's parameters under."
  value       = module.secrets.key_arn
}
