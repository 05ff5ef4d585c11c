mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name       = "atelier-database"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
  clients    = { nodes = "sg-0aaaaaaaaaaaaaaaa" }
  key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "postgresql_with_a_standby" {
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.engine == "postgres" && aws_db_instance.this.engine_version == "15" && aws_db_parameter_group.this.family == "postgres15"
    error_message = "PostgreSQL 15, with a standby in another zone."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.key_arn && aws_db_instance.this.performance_insights_kms_key_id == var.key_arn
    error_message = "Encrypted with the key of this deployment."
  }
  assert {
    condition     = contains([for p in aws_db_parameter_group.this.parameter : "${p.name}=${p.value}"], "rds.force_ssl=1") && !aws_db_instance.this.publicly_accessible
    error_message = "TLS only, and not from the Internet."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null && aws_db_instance.this.master_user_secret_kms_key_id == var.key_arn
    error_message = "The owner's password is made and kept by AWS."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups && aws_db_instance.this.backup_retention_period == 14
    error_message = "It is not deleted by mistake, and what was backed up stays."
  }
  assert {
    condition     = { for k, r in aws_vpc_security_group_ingress_rule.this : k => "${r.from_port}-${r.to_port} ${r.referenced_security_group_id}" if r.cidr_ipv4 == null } == { nodes = "5432-5432 sg-0aaaaaaaaaaaaaaaa" }
    error_message = "Nodes come in, and nobody else."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    name           = "a--b"
    subnet_ids     = ["subnet-0aaaaaaaaaaaaaaaa"]
    instance_class = "m7g.large"
    engine_version = "16"
    disk_gib       = 5
    backup_days    = 0
  }
  expect_failures = [var.name, var.subnet_ids, var.instance_class, var.engine_version, var.disk_gib, var.backup_days]
}
