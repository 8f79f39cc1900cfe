/** Things to undo, in the reverse of the order they were done in. */
export class Teardown {
  readonly #steps: { readonly name: string; readonly stop: () => Promise<void> }[] = [];

  add(name: string, stop: () => Promise<void>): void {
    this.#steps.push({ name, stop });
  }

  /** Runs every step even when one fails; returns the names of those that did, with the reason. */
  async run(): Promise<string[]> {
    const failed: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.stop();
      } catch (error) {
        failed.push(`${step.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return failed;
  }
}
