/**
 * The way of calls and events out of a program: what goes along with them, and the middleware of callers and publishers.
 * @module
 */

import { type CallPath, type CallPaths, checkOptions } from "./calls/mod.ts";
import { ofCall } from "./errors.ts";
import { inherit, type MiddlewareChain, runHooks } from "./middleware_chain.ts";
import type {
  CallAnswer,
  CallOptions,
  PreparedCallOptions,
  PublishOptions,
  PublishReport,
} from "./options.ts";
import { reduceAnswers } from "./reduce_answers.ts";
import { isBuiltIn, showPath, TopicCache, type TopicPath } from "./topics/mod.ts";
import { contextOf, type PropagatedContext } from "./wire/mod.ts";

/** What is behind the middleware. */
interface OutgoingWay {
  /** Makes a call whose options were checked. @throws CallError */
  call(path: CallPath, params: unknown, options: PreparedCallOptions, timeoutMs: number): Promise<unknown>;
  /** @throws CallError when it can't be sent at all */
  publish(
    topic: TopicPath,
    data: unknown,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport>;
}

/** Sends calls and events of one program out. No async functions: each would cost turns and objects on the path of every call. */
export class Outgoing {
  readonly #middleware: MiddlewareChain;
  readonly #paths: CallPaths;
  readonly #topics = new TopicCache();
  readonly #way: OutgoingWay;

  constructor(middleware: MiddlewareChain, paths: CallPaths, way: OutgoingWay) {
    this.#middleware = middleware;
    this.#paths = paths;
    this.#way = way;
  }

  /** @param parent what the handler was given that calls @throws CallError, InvalidTopicError, InvalidServiceError */
  request(
    path: string,
    params: unknown,
    options: CallOptions,
    parent?: PropagatedContext,
  ): Promise<unknown> {
    const { requests, environment } = this.#middleware;
    // What every node has is no service of anybody.
    if (requests.length === 0 || isBuiltIn(path)) return this.#call(path, params, options, parent);
    try {
      const call = { path, params, options: inherit(options, parent) };
      return runHooks(
        requests,
        call,
        environment,
        ({ path, params, options }) => this.#call(path, params, options, parent),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @param parent what the handler was given that publishes @throws CallError, InvalidTopicError, InvalidServiceError */
  publish(
    topic: string,
    data: unknown,
    options: PublishOptions,
    parent?: PropagatedContext,
  ): Promise<PublishReport> {
    const { publications, environment } = this.#middleware;
    if (publications.length === 0) return this.#publish(topic, data, options, parent);
    try {
      return runHooks(
        publications,
        { topic, data, options: inherit(options, parent) },
        environment,
        ({ topic, data, options }) => this.#publish(topic, data, options, parent),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #call(
    path: string,
    params: unknown,
    options: CallOptions,
    parent: PropagatedContext | undefined,
  ): Promise<unknown> {
    let parsed: CallPath | undefined;
    try {
      parsed = this.#paths.parse(path);
      const context = contextOf(options, parent);
      const prepared = context === undefined ? options : { ...options, context };
      const answer = this.#way.call(parsed, params, prepared, checkOptions(parsed, options));
      const { reduce } = options;
      if (reduce === undefined) return answer;
      const text = showPath(parsed.text);
      return answer.then((answers) => reduceAnswers(answers as readonly CallAnswer[], reduce, text));
    } catch (error) {
      return Promise.reject(parsed === undefined ? error : ofCall(error, showPath(parsed.text)));
    }
  }

  #publish(
    topic: string,
    data: unknown,
    options: PublishOptions,
    parent: PropagatedContext | undefined,
  ): Promise<PublishReport> {
    try {
      return this.#way.publish(this.#topics.parse(topic), data, options, contextOf(options, parent));
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
