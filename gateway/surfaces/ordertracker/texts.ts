/** What OrderTracker says, letter for letter (contract 1.2 to 1.4). */
export const texts = {
  created: "商品下单任务创建成功",
  limited: (user: string, shop: string, remainingMs: number) =>
    `用户 '${user}' 在店铺 '${shop}' 24小时内已有下单任务，还需等待 ${hoursAndMinutes(remainingMs)}后才能重新下单`,
  updated: (fields: number) => `订单信息更新成功，共更新 ${fields} 个字段`,
  unknownTask: (uuid: string) => `未找到任务UUID: ${uuid}`,
  current: (user: string) => `成功获取用户 '${user}' 的当前进行中任务`,
  noCurrent: (user: string) => `用户 '${user}' 当前没有进行中的任务`,
  createFailed: (why: string) => `创建任务失败: ${why}`,
  updateFailed: (why: string) => `更新订单信息失败: ${why}`,
  currentFailed: (why: string) => `获取用户当前任务失败: ${why}`,
  /** Where the original showed its driver's words (contract 5, 1). */
  internal: (errorId: string) => `系统内部错误 (错误编号: ${errorId})`,
  finalState: "任务已结束，状态不能再更改",
} as const;

const minuteMs = 60_000;
const limitMs = 24 * 60 * minuteMs;

/** Floors; a task that was created this very millisecond already has less than 24 hours left. */
function hoursAndMinutes(remainingMs: number): string {
  const left = Math.max(0, Math.min(remainingMs, limitMs - 1));
  const minutes = Math.floor(left / minuteMs);
  return `${Math.floor(minutes / 60)}小时${minutes % 60}分钟`;
}
