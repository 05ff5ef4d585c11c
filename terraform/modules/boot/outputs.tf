output "document" {
  description = "The cloud-init document in plain text."
  value       = "#cloud-config\n${yamlencode(local.document)}"
}

output "user_data" {
  description = "The same as a launch template takes it: compressed, since there is a limit of 16 KiB, and in base64."
  value       = base64gzip("#cloud-config\n${yamlencode(local.document)}")
  precondition {
    condition     = length(base64gzip("#cloud-config\n${yamlencode(local.document)}")) <= 21848
    error_message = "The cloud-init document is larger than the 16 KiB that EC2 takes."
  }
}

output "files" {
  description = "Every file that is written, by path, for checks."
  value       = { for path, file in local.files : path => file.content }
}

output "object_arns" {
  description = "The S3 objects among 'debs', for the policy of the machine's role."
  value       = [for deb in var.debs : "arn:aws:s3:::${trimprefix(deb.url, "s3://")}" if startswith(deb.url, "s3://")]
}
