import assert from "node:assert/strict";
import fc from "fast-check";
import { TopicPath, TopicPattern } from "./topic_path.ts";
import { TopicTrie } from "./topic_trie.ts";

const pattern = (text: string): TopicPattern => TopicPattern.parse(text);
const path = (text: string): TopicPath => TopicPath.parse(text);

// Few names and short paths, so that patterns and paths meet often.
const segment = fc.constantFrom("a", "b", "$c");
const network = fc.constantFrom("shop:", "other:");
const anyPath = fc.tuple(network, fc.array(segment, { minLength: 1, maxLength: 5 }))
  .map(([network, segments]) => path(network + segments.join("/")));
const part = fc.oneof(segment, fc.constantFrom("*", "{}"));
const anyPattern = fc.tuple(network, fc.array(part, { maxLength: 5 }), fc.boolean())
  .map(([network, parts, isOpen]) => {
    const named = parts.map((part, i) => part === "{}" ? `{p${i}}` : part);
    return pattern(network + (isOpen || named.length === 0 ? [...named, ">"] : named).join("/"));
  });

Deno.test("TopicTrie matches what each pattern by itself matches, in order of addition, also after removals", () => {
  const step = fc.record({ pattern: anyPattern, isRemoved: fc.boolean() });
  const paths = fc.array(anyPath, { minLength: 1, maxLength: 10 });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), paths, (steps, paths) => {
    const trie = new TopicTrie<number>();
    const removals = steps.map(({ pattern }, i) => trie.add(pattern, i));
    const check = (left: readonly (readonly [number, TopicPattern])[]): void => {
      assert.deepEqual(trie.values(), left.map(([value]) => value));
      for (const path of paths) {
        const expected = left.flatMap(([value, pattern]) => {
          const params = pattern.match(path);
          return params === undefined ? [] : [{ value, params }];
        });
        assert.deepEqual(trie.match(path), expected);
      }
    };
    check(steps.map(({ pattern }, i) => [i, pattern] as const));
    steps.forEach(({ isRemoved }, i) => isRemoved && removals[i]?.());
    check(steps.flatMap(({ pattern, isRemoved }, i) => isRemoved ? [] : [[i, pattern] as const]));
    for (const remove of removals) remove();
    check([]);
  }));
});

Deno.test("TopicTrie keeps each of several entries of one pattern and one value", () => {
  const trie = new TopicTrie<string>();
  const first = trie.add(pattern("a/*"), "x");
  trie.add(pattern("a/{id}"), "x");
  trie.add(pattern("a/*"), "x");
  assert.deepEqual(trie.match(path("a/b")).map(({ params }) => params), [{}, { id: "b" }, {}]);
  first();
  first();
  assert.equal(trie.values().length, 2);
  assert.equal(trie.match(path("a/b")).length, 2);
});

Deno.test("TopicTrie's answer stays as it is when entries change meanwhile", () => {
  const trie = new TopicTrie<number>();
  const remove = trie.add(pattern("a/>"), 1);
  const found = trie.match(path("a/b"));
  remove();
  trie.add(pattern("a/b"), 2);
  assert.deepEqual(found, [{ value: 1, params: {} }]);
});

Deno.test("TopicTrie looks through ten thousand patterns without looking at each", () => {
  const trie = new TopicTrie<number>();
  for (let i = 0; i < 10_000; i++) trie.add(pattern(`service-${i % 100}/{id}/event-${i}`), i);
  trie.add(pattern("*/*/event-77"), -1);
  const sought = path("service-77/42/event-77");
  assert.deepEqual(trie.match(sought).map(({ value }) => value), [77, -1]);
  const rounds = 2_000;
  const start = performance.now();
  for (let i = 0; i < rounds; i++) trie.match(sought);
  const each = (performance.now() - start) / rounds;
  // Below 1 µs where it was measured.
  assert.ok(each < 0.05, `${each} ms a look-up`);
});
