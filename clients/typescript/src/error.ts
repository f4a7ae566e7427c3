/** What is wrong with a field of a request. */
export interface FieldError {
  /** The field's name, such as `email`. */
  field: string;
  /** What is wrong, in English. */
  message: string;
}

/** The server refused. */
export class AccountsError extends Error {
  override readonly name = "AccountsError";

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The code, such as `LOGIN_BAD_CREDENTIALS`; the status's own text where the answer has none. */
    readonly code: string,
    /** Why, in English, where the answer says so: what the password lacks, or what a hook objected to. */
    readonly reason: string | null,
    /** Every bad field of a request that was answered with 422. */
    readonly fields: FieldError[],
    /** After how many seconds to try again, where the answer says so (429 and 503). */
    readonly retryAfterSeconds: number | null,
  ) {
    super(reason ?? fields[0]?.message ?? code);
  }
}

/** The error that an answer is. */
export function errorOf(response: Response, text: string): AccountsError {
  const detail = detailOf(text);
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  const seconds = Number.isFinite(after) ? after : null;
  const [code, reason, fields] = read(detail, response.statusText);
  return new AccountsError(response.status, code, reason, fields, seconds);
}

function detailOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { detail?: unknown } | null)?.detail;
  } catch {
    // A proxy's page, say.
    return undefined;
  }
}

function read(detail: unknown, fallback: string): [string, string | null, FieldError[]] {
  if (typeof detail === "string") return [detail, null, []];
  if (Array.isArray(detail)) return ["VALIDATION_ERROR", null, detail.map(fieldOf)];
  if (typeof detail === "object" && detail !== null && "code" in detail) {
    const reason = "reason" in detail ? String(detail.reason) : null;
    return [String(detail.code), reason, []];
  }
  return [fallback, null, []];
}

function fieldOf(entry: { loc?: unknown[]; msg?: string }): FieldError {
  return { field: String(entry.loc?.at(-1) ?? ""), message: entry.msg ?? "" };
}
