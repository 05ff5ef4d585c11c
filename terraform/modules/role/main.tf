# Who a machine is to AWS. Sessions (Session Manager) take five actions; the managed policy for them, AmazonSSMManagedInstanceCore,
# allows reading every parameter of the account besides, so it is not used.

locals {
  statements = concat(
    [{
      Sid      = "Sessions"
      Effect   = "Allow"
      Action   = ["ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      Resource = ["*"] # these know no resources
    }],
    [for arns in [var.parameter_arns] : {
      Sid      = "Parameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [var.parameter_arns] : {
      Sid       = "Key"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.key_arn]
      Condition = { StringEquals = { "kms:EncryptionContext:PARAMETER_ARN" = arns } }
    } if length(arns) > 0],
    [for arns in [var.object_arns] : {
      Sid      = "Packages"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = arns
    } if length(arns) > 0],
    [for statement in var.statements : {
      for name, value in {
        Sid       = statement.sid
        Effect    = "Allow"
        Action    = statement.actions
        Resource  = statement.resources
        Condition = length(statement.conditions) > 0 ? statement.conditions : null
      } : name => value if value != null
    }],
  )
}

resource "aws_iam_role" "this" {
  name = var.name
  tags = var.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = var.name
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_iam_instance_profile" "this" {
  name = var.name
  role = aws_iam_role.this.name
  tags = var.tags
}
