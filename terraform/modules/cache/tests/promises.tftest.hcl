mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name       = "atelier-cache"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
  clients    = { nodes = "sg-0aaaaaaaaaaaaaaaa" }
  key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "redis_with_tls_and_a_replica" {
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true" && aws_elasticache_replication_group.this.kms_key_id == var.key_arn
    error_message = "Encrypted on the way and at rest."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "A replica takes over by itself."
  }
  assert {
    condition     = alltrue([for u in [aws_elasticache_user.nobody, aws_elasticache_user.node] : startswith(u.access_string, "off ") && u.passwords == null]) && aws_elasticache_user.nobody.user_name == "default" && aws_elasticache_replication_group.this.auth_token == null
    error_message = "Nobody can log in before terraform/cache-password was run, and no state has a password."
  }
  assert {
    condition     = one([for p in aws_elasticache_parameter_group.this.parameter : p.value if p.name == "maxmemory-policy"]) == "allkeys-lru"
    error_message = "A full cache forgets what was not used."
  }
  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.this : k => "${r.from_port}-${r.to_port} ${r.referenced_security_group_id}" if r.cidr_ipv4 == null } == { nodes = "6379-6379 sg-0aaaaaaaaaaaaaaaa" }
    error_message = "Nodes come in, and nobody else."
  }
}

run "without_a_replica_nothing_takes_over" {
  command = plan
  variables {
    replicas = 0
  }
  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "AWS refuses a failover to nobody."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    name           = "Cache"
    subnet_ids     = []
    node_type      = "t4g.small"
    replicas       = 6
    engine_version = "6.2"
  }
  expect_failures = [var.name, var.subnet_ids, var.node_type, var.replicas, var.engine_version]
}
