/**
 * What whoever starts the benchmark may choose.
 * @module
 */

/** What is measured, and how often. */
export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement, after its warm-up. */
  readonly seconds: number;
  /** Parts of `contender: step`, of which one has to be in it; everything when undefined. */
  readonly only: readonly string[] | undefined;
}

const DEFAULTS: BenchOptions = { rounds: 3, seconds: 1.5, only: undefined };

/** @throws TypeError when they make no sense, with what would */
export function parseOptions(args: readonly string[]): BenchOptions {
  const options = { ...DEFAULTS };
  for (let i = 0; i < args.length; i += 2) {
    const [name = "", value = ""] = [args[i], args[i + 1]];
    const count = Number(value);
    if (name === "--rounds" && Number.isInteger(count) && count > 0) options.rounds = count;
    else if (name === "--seconds" && count > 0 && count <= 60) options.seconds = count;
    else if (name === "--only" && value !== "") options.only = [...options.only ?? [], value];
    else {throw new TypeError(
        `Cannot take ${name} ${value}: there are --rounds N, --seconds N, --only TEXT, the last once or more`,
      );}
  }
  return options;
}

/** @param only the only contender that the step is of; of all unless told */
export function isWanted(
  { only }: BenchOptions,
  contender: string,
  step: { readonly what: string; readonly only?: string },
): boolean {
  if (step.only !== undefined && step.only !== contender) return false;
  return only === undefined || only.some((text) => `${contender}: ${step.what}`.includes(text));
}
