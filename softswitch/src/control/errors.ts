// Errors of single updates: a gRPC status code and a message that names the table, the field and the reason.
import { status } from "@grpc/grpc-js";

export class UpdateError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = "UpdateError";
  }
}

export const invalid = (message: string) => new UpdateError(status.INVALID_ARGUMENT, message);
export const notFound = (message: string) => new UpdateError(status.NOT_FOUND, message);
export const alreadyExists = (message: string) => new UpdateError(status.ALREADY_EXISTS, message);
export const unimplemented = (message: string) => new UpdateError(status.UNIMPLEMENTED, message);
export const exhausted = (message: string) => new UpdateError(status.RESOURCE_EXHAUSTED, message);
export const permissionDenied = (message: string) => new UpdateError(status.PERMISSION_DENIED, message);
export const failedPrecondition = (message: string) => new UpdateError(status.FAILED_PRECONDITION, message);
