/** RFC 9110 §5.6.2: what a token, such as a method or a header name, must not contain. */
export const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/**
 * RFC 9110 §5.5: what a header value must not contain: control characters but tab, and what latin1
 * cannot hold. A bare CR or LF is among them (RFC 9112 §2.2).
 */
export const NOT_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
