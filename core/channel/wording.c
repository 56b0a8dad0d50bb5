#include "core/channel/template.h"

#include "core/channel/message.h"

#include <string.h>

/* The title of each event, in both languages. What follows it is the same for all of them: lines
 * without a value are left out. */

struct wording {
	const char *event, *en, *zh;
};

#define DETAILS_EN                                                                                 \
	"\n{text}\nCategory: {category}\nRule: {rule}\nKey: {key}\nValue: {value}\n"               \
	"Threshold: {threshold}\nCount: {count}\nWindow: {window}\nOwner: {owner}\n"               \
	"Time: {time}\n{url}"
#define DETAILS_ZH                                                                                 \
	"\n{text}\n分类：{category}\n规则：{rule}\n对象：{key}\n数值：{value}\n"       \
	"阈值：{threshold}\n次数：{count}\n窗口：{window}\n负责人：{owner}\n"         \
	"时间：{time}\n{url}"
#define SHORT_EN " {text} {url}"
#define SHORT_ZH "。{text} {url}"

#define WORDING_LIST(X)                                                                            \
	X(candidate, "{badge}Incident #{incident} waits for approval: {title}",                    \
	  "{badge}事件 #{incident} 待确认：{title}")                                               \
	X(opened, "{badge}Incident #{incident} opened: {title}",                                   \
	  "{badge}事件 #{incident} 触发：{title}")                                                 \
	X(acked, "{badge}Incident #{incident} acknowledged: {title}",                              \
	  "{badge}事件 #{incident} 已响应：{title}")                                               \
	X(unacked, "{badge}Incident #{incident} is in nobody's hands: {title}",                    \
	  "{badge}事件 #{incident} 无人响应：{title}")                                             \
	X(raised, "{badge}Incident #{incident} is worse: {title}",                                 \
	  "{badge}事件 #{incident} 优先级上升：{title}")                                           \
	X(escalated, "{badge}Incident #{incident} escalated, nobody has answered: {title}",        \
	  "{badge}事件 #{incident} 无人响应，已升级：{title}")                                     \
	X(handling, "{badge}Incident #{incident} in hand: {title}",                                \
	  "{badge}事件 #{incident} 处理中：{title}")                                               \
	X(mitigated, "{badge}Incident #{incident} mitigated: {title}",                             \
	  "{badge}事件 #{incident} 已止损：{title}")                                               \
	X(resolved, "{badge}Incident #{incident} resolved: {title}",                               \
	  "{badge}事件 #{incident} 已解决：{title}")                                               \
	X(reopened, "{badge}Incident #{incident} opened again: {title}",                           \
	  "{badge}事件 #{incident} 再次触发：{title}")                                             \
	X(closed, "{badge}Incident #{incident} closed: {title}",                                   \
	  "{badge}事件 #{incident} 已关闭：{title}")                                               \
	X(cancelled, "{badge}Incident #{incident} cancelled: {title}",                             \
	  "{badge}事件 #{incident} 已取消：{title}")                                               \
	X(merged, "{badge}Incident #{incident} merged into another: {title}",                      \
	  "{badge}事件 #{incident} 已合并：{title}")                                               \
	X(plan, "{badge}{title}", "{badge}{title}")                                                \
	X(ask, "{badge}Your answer is needed: {title}", "{badge}等待审批：{title}")                \
	X(alert, "{badge}Alert {state_en}: {title}", "{badge}告警{state_zh}：{title}")             \
	X(alerts, "{badge}{alert_count} alerts, {state_en}",                                       \
	  "{badge}{alert_count} 条告警，{state_zh}")                                               \
	X(test, "Tocsin test: {title}", "Tocsin 测试消息：{title}")                                \
	X(notice, "{badge}{title}", "{badge}{title}")

#define WORDING_ROW(event, en, zh) {#event, en DETAILS_EN, zh DETAILS_ZH},
static const struct wording long_wordings[] = {WORDING_LIST(WORDING_ROW)};
#undef WORDING_ROW
#define WORDING_ROW(event, en, zh) {#event, en SHORT_EN, zh SHORT_ZH},
static const struct wording short_wordings[] = {WORDING_LIST(WORDING_ROW)};
#undef WORDING_ROW

enum { WORDINGS = sizeof(long_wordings) / sizeof(long_wordings[0]) };

const char *template_default(const char *event, bool is_short, bool is_zh)
{
	const struct wording *wordings = is_short ? short_wordings : long_wordings;
	size_t at = 0;

	while (at < WORDINGS - 1 && strcmp(wordings[at].event, event) != 0)
		at++;
	return is_zh ? wordings[at].zh : wordings[at].en;
}
