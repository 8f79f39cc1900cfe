/** RFC 6455 §5.2 */
export const OP_CONTINUATION = 0x0;
export const OP_TEXT = 0x1;
export const OP_BINARY = 0x2;
export const OP_CLOSE = 0x8;
export const OP_PING = 0x9;
export const OP_PONG = 0xa;

/** RFC 6455 §5.5: longest payload of a Close frame, a ping or a pong. */
export const MAX_CONTROL_BYTES = 125;
