/** Headers of one message; and trailers. */
export const MAX_HEADERS = 256;
/** Bytes of one head, up to and with its empty line. */
export const MAX_HEAD_BYTES = 65_536;
