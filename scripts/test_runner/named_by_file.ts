/**
 * Tests of many files in one module: each is named by its file too, as the runner itself does for files side by side.
 * @module
 */

/**
 * Imports a file, whose tests are then called `./lib/x_test.ts => name`.
 * @param file its path from the root of the sources, `./lib/x_test.ts`
 * @param address where it is
 */
export async function importNamed(file: string, address: string): Promise<void> {
  // Only its declaration says that it stays what it is.
  const registry: { test: typeof Deno.test } = Deno;
  const { test } = registry;
  const named = (text: string) => `${file} => ${text}`;
  registry.test = new Proxy(test, {
    apply(register, self, [first, ...others]: [string | Deno.TestDefinition, ...unknown[]]) {
      const renamed = typeof first === "string" ? named(first) : { ...first, name: named(first.name) };
      Reflect.apply(register, self, [renamed, ...others]);
    },
  });
  try {
    await import(address);
  } finally {
    registry.test = test;
  }
}
