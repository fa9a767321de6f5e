/**
 * The OpenAPI 3.1 description of the table. Tests hold it against real answers.
 * @module
 */

import { EVENTS_TYPE, NDJSON_TYPE, type Operation } from "./operation.ts";
import { OPERATION_ENTRIES, VIEWS } from "./operations.ts";
import { type JsonSchema, jsonSchemas, type Lazy } from "./json_schema.ts";
import { problem } from "./report_schemas.ts";

/** By either of them a stream goes on behind what its reader has. */
const EVENTS_PARAMETERS = [
  { name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } },
  { name: "after", in: "query", required: false, schema: { type: "string" } },
];

/** @returns the description of the read-only application, or with `control` that of the control socket */
export function openApi(version: string, { control }: { readonly control: boolean }): JsonSchema {
  const schemas = jsonSchemas(everySchema());
  const failed = { description: "It failed", content: content("application/json", schemas.of(problem)) };
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (
    const { path, summary, answers = { 200: summary }, mediaType = "application/json", answer } of Object
      .values(VIEWS)
  ) {
    const responses = Object.entries(answers).map(([status, description]) =>
      [status, { description, content: content(mediaType, schemas.of(answer)) }] as const
    );
    const isRefusable = mediaType === EVENTS_TYPE;
    paths[path] = {
      get: {
        summary,
        ...isRefusable && { parameters: EVENTS_PARAMETERS },
        responses: { ...Object.fromEntries(responses), ...isRefusable && { default: failed } },
      },
    };
  }
  for (const [, operation] of OPERATION_ENTRIES) {
    const { route, summary, isPublic = false, request } = operation;
    const [method = "", path = ""] = route.split(" ");
    if (!control && !isPublic) continue;
    const ok = { description: summary, content: answerContent(operation, schemas.of(operation.answer)) };
    (paths[path] ??= {})[method.toLowerCase()] = {
      summary,
      ...request === undefined ? {} : requestParts(operation, schemas.of(request)),
      responses: { 200: ok, default: failed },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "weft",
      version,
      description: control
        ? "What the control socket of a running agent answers."
        : "What a running agent says of itself. Nothing here changes anything.",
      license: { name: "MIT" },
    },
    paths,
    ...!control && { security: [{}, { bearer: [] }] },
    components: {
      schemas: schemas.components,
      ...!control && {
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description:
              "Beyond the loopback everything but /healthz takes the token of `weft status token`.",
          },
        },
      },
    },
  };
}

/** Those of both descriptions, so that they name the same ones. */
function everySchema(): readonly Lazy<unknown>[] {
  const operations = OPERATION_ENTRIES.flatMap(([, { request, answer }]) =>
    request ? [request, answer] : [answer]
  );
  return [problem, ...operations, ...Object.values(VIEWS).map(({ answer }) => answer)];
}

function content(mediaType: string, schema: JsonSchema): JsonSchema {
  return { [mediaType]: { schema } };
}

function answerContent({ lines, answerKey }: Operation, answer: JsonSchema): JsonSchema {
  const schema = answerKey === undefined ? answer : {
    type: "object",
    properties: { [answerKey]: answer },
    required: [answerKey],
    additionalProperties: false,
  };
  return {
    ...lines === "always" ? {} : content("application/json", schema),
    ...lines === undefined ? {} : content(NDJSON_TYPE, { type: "string" }),
  };
}

function requestParts({ route, request }: Operation, schema: JsonSchema): JsonSchema {
  if (route.startsWith("POST")) {
    return { requestBody: { required: true, content: content("application/json", schema) } };
  }
  const { properties, required = [] } = schema as {
    readonly properties: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  const parameters = Object.keys(request?.().shape ?? {}).map((name) => ({
    name,
    in: route.includes(`{${name}}`) ? "path" : "query",
    required: required.includes(name),
    schema: properties[name],
  }));
  return { parameters };
}
