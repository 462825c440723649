import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EvaluationAnswer } from './answers.js';
import { Gates } from './gates.js';
import { newestAnswerOf } from './list-verdicts.js';

export class EvaluateRun {
  constructor(
    readonly run: string,
    readonly actor: string,
  ) {}
}

/** Judges an ended run by the policy in force now. */
@CommandHandler(EvaluateRun)
export class EvaluateRunHandler implements ICommandHandler<EvaluateRun, EvaluationAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ run, actor }: EvaluateRun): Promise<EvaluationAnswer> {
    const { verdict, isNew } = await this.gates.parts.decider.evaluate(run, actor);
    return { ...newestAnswerOf(run, verdict), is_new: isNew };
  }
}
