mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name    = "atelier-node"
  key_arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

run "by_itself_a_machine_may_hold_sessions" {
  assert {
    condition     = jsondecode(output.policy).Statement[*].Sid == ["Sessions"]
    error_message = "Nothing was asked for, so nothing is allowed but sessions: ${output.policy}"
  }
  assert {
    condition     = !strcontains(output.policy, "GetParameter") && alltrue([for action in jsondecode(output.policy).Statement[0].Action : !strcontains(action, "*")])
    error_message = "Sessions do not read parameters, unlike AmazonSSMManagedInstanceCore."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "ec2.amazonaws.com" }
    error_message = "The role is a machine's."
  }
}

run "each_right_names_its_object" {
  variables {
    parameter_arns = ["arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/a"]
    object_arns    = ["arn:aws:s3:::bucket/edge.deb"]
    statements     = [{ sid = "Ready", actions = ["autoscaling:CompleteLifecycleAction"], resources = ["arn:x"], conditions = { StringEquals = { "a" = "b" } } }]
  }
  assert {
    condition     = { for s in jsondecode(output.policy).Statement : s.Sid => s.Resource if s.Sid != "Sessions" } == { Parameters = ["arn:aws:ssm:eu-central-1:123456789012:parameter/atelier/a"], Key = [var.key_arn], Packages = ["arn:aws:s3:::bucket/edge.deb"], Ready = ["arn:x"] }
    error_message = "Each statement but that of sessions names its resources: ${output.policy}"
  }
  assert {
    condition     = one([for s in jsondecode(output.policy).Statement : s.Action if s.Sid == "Parameters"]) == ["ssm:GetParameter"]
    error_message = "Parameters are read one by one, and not listed."
  }
  assert {
    condition     = jsonencode(one([for s in jsondecode(output.policy).Statement : s.Condition if s.Sid == "Key"])) == jsonencode({ StringEquals = { "kms:EncryptionContext:PARAMETER_ARN" = var.parameter_arns } })
    error_message = "The key decrypts these parameters and nothing else."
  }
}

run "what_is_wrong_is_refused" {
  command = plan
  variables {
    parameter_arns = ["arn:aws:ssm:eu-central-1:123456789012:parameter/*"]
    object_arns    = ["arn:aws:s3:::bucket/*"]
    statements     = [{ sid = "All", actions = ["ec2:*"], resources = ["*"] }]
  }
  expect_failures = [var.parameter_arns, var.object_arns, var.statements]
}
