/**
 * Traces of what a node does, as a port: whoever gathers spans is somebody else's.
 * @module
 */

/** A step that is under way. */
export interface ActiveSpan {
  /** Ends it. @param error the code of its failure; undefined when it went well */
  end(error?: string): void;
}

/** Takes the steps of a node that are not calls. */
export interface Tracer {
  /**
   * Begins a step.
   * @param name what is done, such as `weft.join`; one of few
   * @param attributes with whom, and how
   */
  start(name: string, attributes?: Readonly<Record<string, string | number | boolean>>): ActiveSpan;
}

/**
 * Traces a step until its promise settles.
 * @param tracer nothing is done without one
 * @returns what `step` gives
 */
export async function traced<T>(
  tracer: Tracer | undefined,
  name: string,
  attributes: Readonly<Record<string, string | number | boolean>>,
  step: () => Promise<T>,
): Promise<T> {
  const span = tracer?.start(name, attributes);
  try {
    const done = await step();
    span?.end();
    return done;
  } catch (error) {
    span?.end(error instanceof Error && "code" in error ? String(error.code) : "Error");
    throw error;
  }
}
