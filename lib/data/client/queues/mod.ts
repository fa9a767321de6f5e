/**
 * Queues, as programs have them: pushing, and workers that ask for messages, handle them and say what has become of them.
 * @module
 */

export * from "./queue.ts";
export { type FailOptions, QueueMessage } from "./queue_message.ts";
export { type MessageHandler, QueueWorker, type WorkOptions } from "./queue_worker.ts";
