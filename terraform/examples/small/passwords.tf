# Passwords that nobody has to know, from AWS's generator. Letters and digits: they stand in addresses and configuration files.
ephemeral "aws_secretsmanager_random_password" "this" {
  provider                   = aws.generator
  for_each                   = toset(var.generate_passwords ? ["database-password", "redis-password", "admin-token"] : [])
  password_length            = 40
  exclude_punctuation        = true
  require_each_included_type = true
}

locals {
  passwords = var.generate_passwords ? { for name, made in ephemeral.aws_secretsmanager_random_password.this : name => made.random_password } : var.passwords
}
