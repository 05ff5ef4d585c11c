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
    condition     = strcontains(module.node.files["/etc/atelier-edge/atelier-edge.env"], "DATABASE_URL=postgres://atelier_edge@10.20.128.20:5432/atelier?sslmode=verify-full\n") && module.database.address == "10.20.128.20" && strcontains(module.node.files["/etc/atelier-edge/atelier-edge.env"], "REDIS_URL=rediss://atelier_edge@10.20.128.20:6379/0\n")
    error_message = "Nodes ask the machine with the databases, and verify it."
  }
  assert {
    condition     = strcontains(module.edge.files["/etc/systemd/system/atelier-upstreams.service"], "--group ${module.node.group_name} ") && strcontains(module.monitoring.files["/etc/atelier/prometheus.yml"], "[\"${module.node.group_name}\"]")
    error_message = "nginx and Prometheus look for the nodes where they are."
  }
  assert {
    condition     = output.address == "192.0.2.1"
    error_message = "The site is where the one nginx is."
  }
  assert {
    condition     = !strcontains(nonsensitive(jsonencode([module.node, module.edge, module.database, module.monitoring])), "hunter2")
    error_message = "No file of a machine holds a password."
  }
  assert {
    condition     = contains(module.monitoring.alarms, "atelier-monitoring-machine-database")
    error_message = "The machine with the databases is looked after."
  }
}
