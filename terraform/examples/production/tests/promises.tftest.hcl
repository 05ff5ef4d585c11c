mock_provider "aws" {
  source = "../../mocks"
}

# Makes no password here and asks nobody: generate_passwords is off.
provider "aws" {
  alias                       = "generator"
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  region             = "eu-central-1"
  zones              = ["eu-central-1a", "eu-central-1b"]
  ami_id             = "ami-0123456789abcdef0"
  package            = { url = "s3://packages/atelier-edge_1.0.0_arm64.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  server_name        = "api.example.com"
  generate_passwords = false
  passwords          = { "database-password" = "hunter2hunter2", "redis-password" = "hunter2hunter2", "admin-token" = "hunter2hunter2" }
}

run "the_parts_know_each_other" {
  assert {
    condition     = strcontains(module.node.files["/etc/atelier-edge/atelier-edge.env"], "DATABASE_URL=postgres://atelier_edge@${module.database.host}:5432/atelier?sslmode=verify-full\n") && strcontains(module.node.files["/etc/atelier-edge/atelier-edge.env"], "REDIS_URL=rediss://atelier_edge@${module.cache.host}:6379/0\n")
    error_message = "Nodes ask RDS and ElastiCache, and verify both."
  }
  assert {
    condition     = strcontains(module.node.files["/usr/local/sbin/atelier-secrets"], "https://truststore.pki.rds.amazonaws.com/eu-central-1/eu-central-1-bundle.pem")
    error_message = "The certificates are those of RDS in this region."
  }
  assert {
    condition     = output.address == "edge.example.com" && !strcontains(module.edge.policy, "AssociateAddress")
    error_message = "The site is where the load balancer is."
  }
  assert {
    condition     = alltrue([for what in ["database-disk", "database-cpu", "cache-1-cpu", "cache-2-cpu", "nodes-missing"] : contains(module.monitoring.alarms, "atelier-monitoring-${what}")])
    error_message = "Database and cache are looked after: ${join(" ", module.monitoring.alarms)}"
  }
  assert {
    condition     = !strcontains(nonsensitive(jsonencode([module.node, module.edge, module.database, module.cache, module.monitoring])), "hunter2")
    error_message = "No file of a machine and no output holds a password."
  }
}

run "one_of_each_is_refused" {
  command = plan
  variables {
    zones = ["eu-central-1a"]
    edges = 1
  }
  expect_failures = [var.zones, var.edges]
}
