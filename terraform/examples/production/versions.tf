terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region
}

# The same account by another name: Terraform's tests can stand in for a provider, but not for one that makes passwords.
provider "aws" {
  alias  = "generator"
  region = var.region
}
