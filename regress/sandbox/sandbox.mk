# SPDX-License-Identifier: ISC

# Not a UNIT: it is the product's own objects that are to be seen at work, as
# they are linked into its programs, and not ones for tests.
sandbox_DIR =	$(O)/regress/sandbox
sandbox_OBJS =	$(sandbox_DIR)/filters.o $(sandbox_DIR)/works.o
sandbox_REAL =	$(O)/proxy/sandbox.o $(O)/parser/sandbox.o \
		$(O)/scanner/sandbox.o $(O)/store/sandbox.o \
		$(O)/libcommon.a

check-build: $(sandbox_DIR)/filters

$(sandbox_DIR)/filters: $(sandbox_OBJS) $(sandbox_REAL)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(COMMON_LIBS)

$(sandbox_DIR)/%.o: regress/sandbox/%.c $(REGRESS_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Icommon -Iproxy -Iparser -Iscanner \
	    -Istore -c -o $@ $<
