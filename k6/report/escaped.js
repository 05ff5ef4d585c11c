const NAMES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

// Text as it may stand in XML and HTML, also between quotes.
export function escaped(text) {
  return `${text}`.replace(/[&<>"']/g, (sign) => NAMES[sign]);
}
