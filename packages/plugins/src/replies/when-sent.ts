/** A stream that goes on as another, and tells once when it has ended in whatever way. */
export function tellWhenEnded(
  body: ReadableStream<Uint8Array>,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        ended();
        controller.close();
      } catch {
        ended();
        controller.error(undefined);
      }
    },
    cancel() {
      ended();
      return reader.cancel();
    },
  });
}
