mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name      = "atelier"
  passwords = { "database-password" = { description = "PostgreSQL", version = 3 } }
  given     = { "database-password" = "hunter2hunter2hunter2" }
}

run "a_password_is_in_no_state" {
  assert {
    condition     = aws_ssm_parameter.this["database-password"].type == "SecureString" && aws_ssm_parameter.this["database-password"].key_id == aws_kms_key.this.arn
    error_message = "It is encrypted with the key of this deployment."
  }
  assert {
    condition     = !strcontains(nonsensitive(jsonencode(aws_ssm_parameter.this)), "hunter2") && aws_ssm_parameter.this["database-password"].value_wo_version == 3
    error_message = "What the state knows is its version."
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key is turned over every year, and can be brought back for a month."
  }
  assert {
    condition = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : s.Sid == "Account" || (
    can(s.Principal.Service) && can(s.Condition) && !contains(flatten([s.Action]), "kms:*"))])
    error_message = "Services use the key in the name of this account only."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    passwords     = { "a" = { description = "", version = 0 } }
    deletion_days = 1
    name          = "Atelier"
  }
  expect_failures = [var.passwords, var.deletion_days, var.name]
}
