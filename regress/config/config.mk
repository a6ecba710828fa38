# SPDX-License-Identifier: ISC

config_GEN =	$(O)/regress/config.gen/parse.c
config_SRCS =	$(config_GEN) master/kept.c master/lex.c master/value.c \
		master/expect.c \
		master/keyword.c master/content.c \
		master/context.c master/disclaimer.c \
		master/envelope.c common/addrset.c common/puny.c \
		common/facts.c \
		master/setting.c master/lists.c \
		master/nets.c master/build.c master/check.c master/pattern.c \
		master/outbox.c master/printconf.c common/conf.c \
		common/rule.c common/netset.c \
		common/conflist.c common/confmail.c \
		common/macro.c \
		common/parts.c common/addr.c common/log.c common/utf8.c \
		common/proto.c common/ev.c common/exprfold.c \
		common/normal.c common/normtab.c

# The numbers of its tokens come with it.
$(O)/regress/config/test_load.d/master_keyword.o \
$(O)/regress/config/fuzz_config.d/master_keyword.o: $(config_GEN)

$(config_GEN): master/parse.y
	@mkdir -p $(@D)
	$(YACC) -d -o $@ $<

UNIT +=			config/test_value
config/test_value_SRCS = regress/config/test_value.c master/value.c \
			common/macro.c common/proto.c common/addr.c \
			common/utf8.c
config/test_value_CPPFLAGS = -Imaster -I$(O)/regress/config.gen

UNIT +=			config/test_load
config/test_load_SRCS =	regress/config/test_load.c $(config_SRCS)
config/test_load_CPPFLAGS = -Imaster -I$(O)/regress/config.gen
config/test_load_LIBS =	-lbsd -ltre -Wl,--wrap=calloc,--wrap=setrlimit

pattern_SRCS =		master/pattern.c common/addr.c common/addrset.c \
			common/puny.c \
			common/conf.c common/facts.c common/rule.c \
			common/netset.c \
			common/conflist.c common/confmail.c common/ev.c \
			common/exprfold.c \
			common/log.c common/normal.c common/normtab.c \
			common/utf8.c

UNIT +=			config/test_pattern
config/test_pattern_SRCS = regress/config/test_pattern.c $(pattern_SRCS)
config/test_pattern_CPPFLAGS = -Imaster
config/test_pattern_LIBS = -lbsd -ltre

FUZZ +=			config/fuzz_pattern
config/fuzz_pattern_SRCS = regress/config/fuzz_pattern.c $(pattern_SRCS)
config/fuzz_pattern_CPPFLAGS = -Imaster
config/fuzz_pattern_LIBS = -lbsd -ltre

FUZZ +=			config/fuzz_config
config/fuzz_config_SRCS = regress/config/fuzz_config.c $(config_SRCS)
config/fuzz_config_CPPFLAGS = -Imaster -I$(O)/regress/config.gen
config/fuzz_config_LIBS = -lbsd -ltre
