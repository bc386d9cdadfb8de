export const TEXTS = {
  en: {
    other: "中文", fresh: "New chat", ask: "Ask a question", send: "Send", stop: "Stop", again: "Try again",
    close: "Close", waiting: "Searching…", page: (n) => `page ${n}`, weak: "The documents may not answer this.",
    none: "There is no answer.",
    lost: "The server cannot be reached.", cut: "The connection was lost. Reconnecting…",
    config: "config.json is missing beside this page. Copy config.example.json and fill it in.",
  },
  zh: {
    other: "English", fresh: "新对话", ask: "请输入问题", send: "发送", stop: "停止", again: "重试",
    close: "关闭", waiting: "正在检索…", page: (n) => `第 ${n} 页`, weak: "文档可能没有回答这个问题。",
    none: "没有回答。",
    lost: "无法连接服务器。", cut: "连接中断，正在重新连接…",
    config: "此页面旁缺少 config.json。请复制 config.example.json 并填写。",
  },
};

// An error as a sentence: browsers say only "Failed to fetch" where a connection fails.
export function sentence(error, texts) {
  if (error instanceof TypeError) return texts.lost;
  return error.message === "config" ? texts.config : error.message;
}
