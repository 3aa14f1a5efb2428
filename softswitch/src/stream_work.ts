// Work that the messages of a stream cause, and that another thread may do.

/** As much work of one stream may be under way; then the stream is read no further until half of it is done. */
const MOST_UNDER_WAY = 1024;

/** Messages that may wait for a client that reads slowly; what the switch says beyond is dropped. */
export const QUEUE_LENGTH = 4096;

interface Stream {
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
}

export class StreamWork {
  readonly #stream: Stream;
  #underWay = 0;
  #isPaused = false;
  #hasEnded = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** @param work - does not reject */
  add(work: Promise<void>): void {
    if (++this.#underWay >= MOST_UNDER_WAY && !this.#isPaused) {
      this.#isPaused = true;
      this.#stream.pause();
    }
    void work.then(() => this.#done());
  }

  #done(): void {
    this.#underWay--;
    if (this.#isPaused && this.#underWay <= MOST_UNDER_WAY / 2) {
      this.#isPaused = false;
      this.#stream.resume();
    }
    if (this.#hasEnded && this.#underWay === 0) this.#stream.end();
  }

  /** The client has said all: the stream ends when it has its answers. */
  end(): void {
    this.#hasEnded = true;
    if (this.#underWay === 0) this.#stream.end();
  }
}
