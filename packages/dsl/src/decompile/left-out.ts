/** Stands in a resource for a text that is not to be written: a secret. */
export class LeftOut {
  /** The environment variable that has it when what was written is compiled. */
  readonly variable: string;

  constructor(variable: string) {
    this.variable = variable;
  }
}
